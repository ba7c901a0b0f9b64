"""
Reads lines of hex, each the bytes of a value, and answers each with the hex of what this client writes for it, or with what is
wrong. So the values of the specification can be run through it.
"""

import sys

import msgpack

for line in sys.stdin:
    try:
        print(msgpack.encode(msgpack.decode(bytes.fromhex(line))).hex())
    except msgpack.MalformedValue as error:
        print("malformed:", error)
