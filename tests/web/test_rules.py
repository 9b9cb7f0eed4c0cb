"""Who may ask the server, how, and how much: each rule, on a real connection."""

from __future__ import annotations

import pytest

from tests.web.conftest import Client, drawing, served

SEVEN = drawing(7).tobytes()
LIMIT = 64 * 1024
TYPE = b"Content-Type: application/octet-stream\r\n"


def head(client: Client, query: bytes = b"width=140&height=140") -> bytes:
    """Return the beginning of a request with a drawing, without its end."""
    return b"POST /api/look?%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s" % (query, client.port, TYPE)


def test_a_drawing_is_answered(client: Client) -> None:
    answer = client.look(SEVEN)
    assert answer.status == 200
    assert answer.json["label"] == 7


@pytest.mark.parametrize(
    ("path", "kind", "start"),
    [
        ("/", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/page.js", "text/javascript; charset=utf-8", b"//"),
        ("/style.css", "text/css; charset=utf-8", b":root"),
        ("/api/network", "application/json", b'{"name":"the embedded network"'),
        ("/api/backends", "application/json", b'[{"name":"cpu"'),
    ],
)
def test_what_can_be_read(client: Client, path: str, kind: str, start: bytes) -> None:
    answer = client.ask("GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"] == kind
    assert answer.body.startswith(start)
    only_head = client.ask("HEAD", path)
    assert (only_head.status, only_head.body) == (200, b"")
    assert only_head.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("path", ["/", "/api/network", "/nowhere"])
def test_every_answer_forbids_what_the_page_does_not_need(client: Client, path: str) -> None:
    headers = client.ask("GET", path).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.0.2"])
def test_names_of_this_machine(client: Client, host: str) -> None:
    assert client.ask("GET", "/", headers={"Host": f"{host}:{client.port}"}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.evil.example:{port}",
        "192.168.0.1:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1:{port}0",
        "127.0.0.1:{port}@evil.example",
        "[::1",
        ":{port}",
        "127.0.0.1:²",
        "",
    ],
)
def test_another_name_is_refused(client: Client, host: str) -> None:
    """A name of somebody else's that points here: DNS rebinding."""
    given = host.format(port=client.port).encode().decode("latin-1")
    for method, path in (("GET", "/"), ("GET", "/api/network"), ("POST", "/api/look")):
        answer = client.ask(method, path, headers={"Host": given})
        assert answer.status == 403
        assert answer.error.startswith("This server is not “")


def test_a_request_without_a_host(client: Client) -> None:
    assert client.raw(b"GET / HTTP/1.0\r\n\r\n").status == 403
    assert client.raw(b"GET / HTTP/1.1\r\n\r\n").status == 400
    two = b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nHost: evil.example\r\n\r\n" % client.port
    assert client.raw(two).status == 400


def test_an_address_of_the_whole_network(viewer: object) -> None:
    with served(viewer, "0.0.0.0") as client:
        for host, status in [("192.168.0.7", 200), ("127.0.0.1", 200), ("evil.example", 403)]:
            headers = {"Host": f"{host}:{client.port}"}
            assert client.ask("GET", "/", headers=headers).status == status


def test_the_page_itself_may_ask(client: Client) -> None:
    home = f"http://127.0.0.1:{client.port}"
    assert client.look(SEVEN, Origin=home, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "",
    ],
)
def test_another_sites_page_may_not(client: Client, origin: str) -> None:
    answer = client.look(SEVEN, Origin=origin.format(port=client.port))
    assert answer.status == 403
    assert answer.error.startswith("This request comes from ")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_the_browsers_word_counts_too(client: Client, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    assert client.ask("GET", "/api/network", headers=headers).status == 403
    assert client.ask("GET", "/page.js", headers=headers).status == 403
    assert client.look(SEVEN, Sec_Fetch_Site=site).status == 403
    assert client.ask("GET", "/", headers=headers).status == 200  # a link to the page


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/page.js", "GET, HEAD"),
        ("POST", "/api/network", "GET, HEAD"),
        ("PUT", "/api/backends", "GET, HEAD"),
        ("GET", "/api/look", "POST"),
        ("OPTIONS", "/api/look", "POST"),
        ("HEAD", "/api/times", "POST"),
    ],
)
def test_other_methods(client: Client, method: str, path: str, allowed: str) -> None:
    answer = client.ask(method, path)
    assert answer.status == 405
    assert answer.headers["allow"] == allowed
    if method != "HEAD":
        assert answer.error == f"{path} takes {allowed.replace(', ', ' and ')}."


@pytest.mark.parametrize(
    "path", ["/nowhere", "/index.html", "/../page.js", "/%2e%2e/page.js", "//page.js", "/api/"]
)
def test_other_addresses(client: Client, path: str) -> None:
    answer = client.ask("GET", path)
    assert answer.status == 404
    assert answer.error == "There is nothing at this address; the page is at /."


@pytest.mark.parametrize(
    "kind", ["", "application/json", "text/plain", "multipart/form-data; boundary=x"]
)
def test_other_types_of_content(client: Client, kind: str) -> None:
    answer = client.look(SEVEN, content_type=kind)
    assert answer.status == 415
    assert answer.error.endswith("send application/octet-stream.")


def test_a_type_with_a_parameter_in_capitals(client: Client) -> None:
    assert client.look(SEVEN, content_type="Application/Octet-Stream; a=b").status == 200


def test_content_that_is_encoded(client: Client) -> None:
    assert client.look(SEVEN, content_encoding="gzip").status == 415


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "The width is missing"),
        ("width", "not of the form"),
        ("width=140", "The height is missing"),
        ("width=140&height=", "The height is missing"),
        ("width=0&height=140", "The width is “0”; give 1 to 256 pixels."),
        ("width=257&height=140", "The width is “257”"),
        ("width=-1&height=140", "The width is “-1”"),
        ("width=1e2&height=140", "The width is “1e2”"),
        ("width=%C2%B2&height=140", "The width is “²”"),
        ("width=99999999999999999999&height=1", "give 1 to 256 pixels"),
        ("width=140&height=139", "The body has 19,600 bytes; 140 × 139 pixels are 19,460"),
        ("width=140&height=140&height=140", "each once"),
        ("width=140&height=140&colour=red", "takes width, height and backend"),
        ("width=1&height=1&a=1&b=2&c=3", "not of the form"),
        ("width=140&height=140&backend=abacus", "got 'abacus', expected one of cpu"),
        ("width=140&height=140&backend=", "expected one of cpu"),
        ("width=140&height=140&backend=%00%1b[31m", "expected one of cpu"),
    ],
)
def test_a_query_that_is_wrong(client: Client, query: str, said: str) -> None:
    answer = client.look(SEVEN, query)
    assert answer.status == 400
    assert said in answer.error


@pytest.mark.parametrize("body", [b"", b"\0", SEVEN[:-1], SEVEN + b"\0"])
def test_a_body_of_another_size(client: Client, body: bytes) -> None:
    answer = client.look(body)
    assert answer.status == 400
    assert f"The body has {len(body):,} bytes" in answer.error


def test_the_largest_drawing(client: Client) -> None:
    answer = client.look(b"\1" * LIMIT, "width=256&height=256")
    assert answer.status == 200
    assert answer.json["ink"]


@pytest.mark.parametrize("size", [LIMIT + 1, 200_000, 2_000_000])
def test_a_body_that_is_too_large(client: Client, size: int) -> None:
    with client.connect() as line:
        line.sendall(head(client) + b"Content-Length: %d\r\n\r\n" % size)
        sent = 0
        try:
            while sent < size:
                sent += line.send(b"\0" * min(65536, size - sent))
        except OSError:
            assert sent > 1_000_000  # what comes after that is not read
            return
        assert b" 413 " in line.recv(1000)


@pytest.mark.parametrize("size", [LIMIT + 1, 200_000])
def test_a_chunked_body_that_is_too_large(client: Client, size: int) -> None:
    chunk = b"1000\r\n" + b"\0" * 0x1000 + b"\r\n"
    chunks, rest = divmod(size, 0x1000)
    end = b"%x\r\n" % rest + b"\0" * rest + b"\r\n0\r\n\r\n"
    start = head(client) + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = client.raw(start, chunk * chunks, end)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert answer.error == "The body is over 65,536 bytes; send a smaller drawing."


def test_a_chunked_body_is_as_good_as_another(client: Client) -> None:
    parts = [SEVEN[start : start + 5000] for start in range(0, len(SEVEN), 5000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    answer = client.raw(head(client) + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert answer.status == 200
    assert answer.json["label"] == 7


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n b\r\nX\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
    ],
)
def test_what_is_no_request(client: Client, sent: bytes) -> None:
    assert client.raw(sent).status == 400
    assert client.look(SEVEN).status == 200


def test_one_connection_for_many_requests(client: Client) -> None:
    request = head(client) + b"Content-Length: %d\r\n\r\n" % len(SEVEN) + SEVEN
    refused = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % client.port
    with client.connect() as line:
        for sent, status in [(request, b"200"), (refused, b"404"), (request, b"200")]:
            line.sendall(sent)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += line.recv(65536)
            start, _, body = answer.partition(b"\r\n\r\n")
            assert start.startswith(b"HTTP/1.1 " + status)
            length = next(
                int(field.split(b":")[1])
                for field in start.split(b"\r\n")
                if field.startswith(b"content-length")
            )
            while len(body) < length:
                body += line.recv(65536)
