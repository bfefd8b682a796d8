"""``tiny_server.py NAME PORT NOTES`` stands in for a server: it answers every request and notes its start and end."""

import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

name, port, notes = sys.argv[1:]


def note(event: str) -> None:
    with open(notes, "a") as file:
        file.write(f"{name} {event}\n")


def end(number, frame) -> None:
    raise SystemExit


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments) -> None:
        pass


signal.signal(signal.SIGTERM, end)
with HTTPServer(("127.0.0.1", int(port)), Handler) as server:
    note("begins")
    try:
        server.serve_forever()
    finally:
        note("ends")
