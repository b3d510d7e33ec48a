#!/bin/sh
# tools/rooms.sh [SRC-FOLDER [ROOMS-FILE]]: hold every #include below SRC-FOLDER (default src) against tools/rooms.txt. Prints one
# line a violation, with file, line and what would be legal, and exits 1 when there is any.
set -eu
src=${1:-src}
rooms=${2:-$(dirname "$0")/rooms.txt}
[ -d "$src" ] || { echo "rooms: no folder $src" >&2; exit 2; }

find "$src" -name '*.[ch]' -type f -exec grep -Hn '^[[:space:]]*#[[:space:]]*include' {} + | LC_ALL=C sort -t: -k1,1 -k2,2n | awk -v src="$src" -v rooms="$rooms" '
    # The room of a path such as "engine/core/kernels/dot.c": the longest room name that is a folder above it, or "".
    function room_of(path) {
        while (sub("/[^/]*$", "", path)) if (path in is_room) return path
        return ""
    }
    function bad(reason) { print src "/" file ":" line ": " reason; faults++ }
    BEGIN {
        while ((status = getline row < rooms) > 0) {
            sub(/#.*/, "", row)
            n = split(row, word, " ")
            if (n == 0) continue
            if (word[1] == "room") {
                is_room[word[2]] = 1
                may[word[2], word[2]] = 1
                for (i = 3; i <= n; i++) may[word[2], word[i]] = 1
                list[word[2]] = row
                sub(/^room +[^ ]+ */, "", list[word[2]])
            } else if (word[1] == "foreign" || word[1] == "generated") {
                for (i = 3; i <= n; i++) home[word[2], word[i]] = 1
                homes[word[2]] = row
                sub(/^[a-z]+ +[^ ]+ */, "", homes[word[2]])
            } else if (word[1] == "system") {
                for (i = 2; i <= n; i++) system_header[word[i]] = 1
            } else {
                print rooms ": unknown line \"" row "\"; want room, foreign, generated or system"
                faults++
            }
        }
        if (status < 0) { print rooms ": cannot read"; exit 2 }
    }
    {
        split($0, part, ":")
        file = substr(part[1], length(src) + 2)
        line = part[2]
        text = substr($0, length(part[1]) + length(part[2]) + 3)
        here = room_of(file)
        checked++
        if (here == "") { bad("is in no room of " rooms); next }
        quoted = text ~ /include[[:space:]]*"/
        if (!match(text, quoted ? "\"[^\"]*\"" : "<[^>]*>")) { bad("cannot read this include"); next }
        header = substr(text, RSTART + 1, RLENGTH - 2)
        if (header in homes) {
            if (!((header, here) in home)) bad(header " lives in " homes[header] ", not in " here)
        } else if (!quoted) {
            if (!(header in system_header)) bad("<" header "> has no home yet: give it a foreign or system line in " rooms)
        } else {
            there = room_of(header)
            if (header ~ /\.\.\// || there == "") bad("\"" header "\": write includes from src/, as in \"base/error.h\"")
            else if (!((here, there) in may)) bad(here " may not include " there " (\"" header "\"); it may include: " (list[here] == "" ? "nothing" : list[here]))
        }
    }
    END {
        if (faults) { print "rooms: " faults " violation(s) in " checked + 0 " includes"; exit 1 }
        if (!checked) { print "rooms: no include found below " src; exit 2 }
        print "rooms: " checked " includes, all legal"
    }'
