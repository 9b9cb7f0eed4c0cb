"""The page on which a person draws a digit and sees what the network sees.

`viewer` answers what is to be seen of a drawing, without a word of HTTP; `application`
brings it to a browser, under the rules of `requests`; `serving` is the server.
"""

from __future__ import annotations
