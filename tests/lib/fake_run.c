#include "lib/fake_run.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/test.h"

static const char script[] =
    "#!/bin/sh\n"
    "[ \"$1\" = run ] && [ \"$3\" = --dir ] && [ \"$5\" = --workers ] && [ \"$7\" = --cache ] || exit 64\n"
    "spec=$2 dir=$4 workers=$6\n"
    "mkdir -p \"$dir/checkpoints\"\n"
    "exec 9>>\"$dir/lock\"\n"
    "flock -n 9 || exit 75\n"
    "echo \"workers $workers\"\n"
    "events=$dir/events.ndjson\n"
    ": >>\"$events\"\n"
    "seq=$(wc -l <\"$events\")\n"
    "attempt=$(($(grep -c '\"state\":\"starting\"' \"$events\") + 1))\n"
    "step=$((attempt * 10))\n"
    "name=$(sed -n 's/^  \"name\": \"\\(.*\\)\",*$/\\1/p' \"$spec\")\n"
    "emit() { seq=$((seq + 1)); printf '{\"seq\":%d,\"attempt\":%d,\"t\":\"2026-01-02T03:04:05.678Z\",\"type\":\"%s\",\"step\":%d,%s}\\n' \\\n"
    "    $seq $attempt $1 $step \"$2\" >>\"$events\"; }\n"
    "state() { emit state \"\\\"state\\\":\\\"$1\\\",\\\"reason\\\":\\\"fake\\\",\\\"message\\\":\\\"$1 says the fake\\\"$2\"; }\n"
    "checkpoint() { file=$(printf 'checkpoints/%012d.safetensors' $step); echo x >\"$dir/$file\"\n"
    "    emit checkpoint \"\\\"path\\\":\\\"$file\\\",\\\"sha256\\\":\\\"$(printf '%064d' "
    "$step)\\\",\\\"size_bytes\\\":2,\\\"best\\\":false,\\\"metrics\\\":{}\"; }\n"
    "metric() { emit metric \"\\\"loss\\\":0.5,\\\"progress\\\":$1\"; }\n"
    "finish() { emit evaluation '\"split\":\"test\",\"rows\":10,\"metrics\":{\"auc\":0.75}'; state succeeded; exit 0; }\n"
    "if [ \"$name\" = bad-data ]; then echo 'clicks.tsv: line 17: 38 columns, want 40' >&2; exit 65; fi\n"
    "state starting\n"
    "state running\n"
    "case $name in\n"
    "ok) metric 0.5; checkpoint; finish ;;\n"
    "hold) metric 0.5; while [ ! -e \"$dir/go\" ]; do [ -d \"$dir\" ] || exit 70\n"
    "    if [ -e \"$dir/stop\" ]; then state stopping; checkpoint; state stopped; exit 75; fi; sleep 0.02; done; finish ;;\n"
    "deaf) trap '' TERM; while [ -d \"$dir\" ]; do sleep 0.05; done ;;\n"
    "crash) echo 'about to die'; kill -9 $$ ;;\n"
    "crash-once) [ $attempt -gt 1 ] && finish; checkpoint; kill -9 $$ ;;\n"
    "creep) [ $attempt -gt 5 ] && finish; checkpoint; kill -9 $$ ;;\n"
    "diverged) state failed ',\"cause\":\"diverged\",\"retryable\":false'; exit 70 ;;\n"
    "silent) exit 0 ;;\n"
    "rubbish) echo '{\"seq\":' >>\"$events\"; exit 0 ;;\n"
    "away) [ $attempt -gt 1 ] && finish; state stopping; checkpoint; state stopped; exit 75 ;;\n"
    "flood) i=0; while [ $i -lt 300 ]; do i=$((i + 1)); step=$i; metric 0.1; sleep 0.002; done; finish ;;\n"
    "*) echo \"no such part: $name\"; exit 64 ;;\n"
    "esac\n";

const char *fake_run_write(const char *dir, char out[PATH_SIZE])
{
    struct error err = {0};
    assert_ok(path_join(out, dir, "fake-run", &err), &err);
    test_write_file(out, script, strlen(script));
    assert_int_equal(chmod(out, 0755), 0);
    return out;
}
