"""The API site: pages made of the docstrings, whose references lead somewhere."""
