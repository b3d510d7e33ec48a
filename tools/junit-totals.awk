# Adds up a ctest JUnit file: "PASSED FAILED SKIPPED" on one line. A test that printed cmocka's summary, or that of Node's test
# runner, counts as the tests inside it; any other counts as one. An executable that failed although its own summary knows of no failure (a crash, a leak
# found at exit, a time-out) counts as one failure more.
function close_case()
{
    if (!open) return
    if (status == "fail") {
        passed += inner_passed; failed += inner_failed > 0 ? inner_failed : 1; skipped += inner_skipped
    } else if (status == "notrun" || status == "disabled") {
        skipped += inner_skipped > 0 ? inner_skipped : 1
    } else if (inner_passed + inner_skipped > 0) {
        passed += inner_passed; skipped += inner_skipped
    } else {
        passed++
    }
    open = 0
}
function number(text) { match(text, /\] *[0-9]+ test/); return substr(text, RSTART + 1, RLENGTH - 5) + 0 }
/<testcase / {
    close_case()
    open = 1; inner_passed = inner_failed = inner_skipped = 0
    status = $0; sub(/.*status="/, "", status); sub(/".*/, "", status)
}
/\[  PASSED  \] [0-9]+ test\(s\)/ { inner_passed += number($0) }
/\[  FAILED  \] *[0-9]+ test\(s\)/ { inner_failed += number($0) }
/\[  SKIPPED \] *[0-9]+ test\(s\)/ { inner_skipped += number($0) }
/^(#|ℹ) pass [0-9]+$/ { inner_passed += $3 }
/^(#|ℹ) fail [0-9]+$/ { inner_failed += $3 }
/^(#|ℹ) skipped [0-9]+$/ { inner_skipped += $3 }
END { close_case(); print passed + 0, failed + 0, skipped + 0 }
