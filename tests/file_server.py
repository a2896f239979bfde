"""A web server on this machine for tests of downloads: whole files, parts of files, broken and mute connections."""

import contextlib
import http.server
import threading
from typing import NamedTuple


class Route(NamedTuple):
    """What the server does at one path.

    Attributes:
        body: the file.
        ranges: whether requests for a part are honoured.
        cut_after: bytes after which each answer breaks off; None sends all.
        announces: whether the answer has a Content-Length.
    """

    body: bytes
    ranges: bool = True
    cut_after: int | None = None
    announces: bool = True


class Server(NamedTuple):
    """`url` without a final slash; `requests` grows by (path, value of the Range header or None)."""

    url: str
    requests: list


@contextlib.contextmanager
def serving(routes: dict[str, Route]):
    """Serves `routes` (path with its slash -> Route) on a free port while the block runs; other paths are 404."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            requests.append((self.path, wanted))
            route = routes.get(self.path)
            if route is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and route.ranges else 0
            body = route.body[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(route.body) - 1}/{len(route.body)}")
            if route.announces:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: route.cut_after])

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
