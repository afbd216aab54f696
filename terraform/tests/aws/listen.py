"""Somebody's webhook: writes its address into a file, and each call into another, one line of JSON a call.

listen.py ADDRESS_FILE CALLS_FILE
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

address_file, calls_file = sys.argv[1:]


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        call = {"signature": self.headers["X-Hub-Signature-256"], "body": body}
        with open(calls_file, "a") as calls:
            print(json.dumps(call), file=calls)
        self.send_response(204)
        self.end_headers()


server = HTTPServer(("127.0.0.1", 0), Hook)
with open(address_file, "w") as file:
    file.write(f"http://127.0.0.1:{server.server_port}/hook")
server.serve_forever()
