#!/usr/bin/env python3
"""Writes the scenario files as C text: embed.py OUT.c FILE.json…"""
import json
import pathlib
import sys

out = ['#include "cmd/scenario_file.h"', "", "const lab_builtin_scenario LAB_BUILTIN_SCENARIOS[] = {"]
for path in map(pathlib.Path, sorted(sys.argv[2:])):
    out.append('    {"%s",' % path.stem)
    out += ["     %s" % json.dumps(line + "\n", ensure_ascii=True) for line in path.read_text().splitlines()]
    out.append("    },")
out += ["    {NULL, NULL},", "};", ""]
pathlib.Path(sys.argv[1]).write_text("\n".join(out))
