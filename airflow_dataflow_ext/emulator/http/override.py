"""``X-HTTP-Method-Override``: a POST in place of another method.

google-api-python-client sends it for a GET whose URL has more than 2,048 characters, and then puts the query into the body:
https://googleapis.github.io/google-api-python-client/docs/epy/googleapiclient.http.HttpRequest-class.html
"""

from __future__ import annotations

from collections.abc import Mapping

HEADER = "X-HTTP-Method-Override"


def verb_of(sent: str, headers: Mapping[str, str]) -> str:
    """The HTTP method that a request is for.

    :param sent: the method in the request line.
    :param headers: a mapping that ignores case, or has names in lower case.
    """
    return (headers.get(HEADER) or headers.get(HEADER.lower()) or sent).upper() if sent == "POST" else sent


def query_and_body(sent: str, verb: str, content: bytes) -> tuple[str, bytes]:
    """The encoded query in a request's body, which is empty for most, and what is left as its body."""
    return (content.decode("utf-8", "replace"), b"") if (sent, verb) == ("POST", "GET") else ("", content)
