"""Judges policies with network-config-analyzer: reads folders, a line each, on standard input and
answers each with a line of JSON, the lines of nca's connectivity map. One process judges them all,
since starting takes longer than judging."""

import contextlib
import io
import json
import sys

from nca.nca_cli import nca_main

for folder in sys.stdin:
    printed, warned = io.StringIO(), io.StringIO()
    arguments = ["--connectivity", "-r", folder.strip(), "-o", "txt_no_fw_rules", "--print_ipv6"]
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(warned):
        nca_main(arguments)
    lines = [line for line in printed.getvalue().splitlines() if " => " in line]
    print(json.dumps(lines), flush=True)
