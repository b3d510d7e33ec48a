#!/usr/bin/env bash
# Data over the network, from this machine: https with an authority that the environment names, and the patience that the specification grants.
set -euo pipefail
. tests/lib/check.sh
trainyard=$(realpath "${TRAINYARD:-build/trainyard}")
for tool in python3 openssl; do
    command -v $tool >/dev/null || { skip "no $tool here: nothing to serve with" && finish; }
done
unset CURL_CA_BUNDLE SSL_CERT_FILE
cd "$tmp"
"$trainyard" data gen --rows 8000 --seed 7 --out clicks.tsv >/dev/null 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out authority.pem -days 2 -subj /CN=trainyard-test \
    -addext subjectAltName=IP:127.0.0.1 2>/dev/null

# serve.py KIND FILE: a server on a free port, which stands in FILE then. https: this folder; silent: nothing at all, however often it is asked.
cat >serve.py <<'END'
import http.server, os, socket, ssl, sys, time
def told(port):
    with open(sys.argv[2] + ".part", "w") as f:
        f.write(str(port))
    os.rename(sys.argv[2] + ".part", sys.argv[2])
if sys.argv[1] == "https":
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("authority.pem", "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    told(server.server_address[1])
    server.serve_forever()
server = socket.create_server(("127.0.0.1", 0))
told(server.getsockname()[1])
kept = []
while True:
    kept.append(server.accept())
END
for kind in https silent; do
    python3 serve.py $kind $kind.port 2>/dev/null &
    reap $!
    poll 30 test -f $kind.port
done

spec() # spec URI [EDIT]
{
    jq -n --arg uri "$1" '{dataset: {uri: $uri, format: "criteo"}, model: {kind: "lr", hash_bits: 16}, train: {batch_size: 512}}' | jq "${2:-.}"
}
run() { "$trainyard" run "$1.json" --dir "$1" --cache "cache-$1" --quiet >"$1.out" 2>"$1.log"; }
exits() { local want=$1 rc=0; shift; "$@" || rc=$?; test "$rc" = "$want"; }
trusting() { local -x SSL_CERT_FILE=$tmp/$1; shift; "$@"; }
digest() { sha256sum "$1/final.safetensors" | cut -d' ' -f1; }

spec "file:$tmp/clicks.tsv" >file.json
spec "https://127.0.0.1:$(cat https.port)/clicks.tsv" >far.json
cp far.json stranger.json
cp far.json nowhere.json
run file
check "an authority that nobody knows is refused at once" exits 77 run stranger
check "... and it says what to do" grep -q 'its certificate is not trusted: .*SSL_CERT_FILE may name' stranger.log
check "... without trying again" bash -c '! grep -q "try 2" stranger.log'
trusting authority.pem run far || fail "https: $(tail -1 far.log)"
check "https: the bits of the file" test "$(digest far)" = "$(digest file)"
rm -r far
check "... by curl's own word, too" env CURL_CA_BUNDLE="$tmp/authority.pem" SSL_CERT_FILE=/nowhere "$trainyard" run far.json --dir far --cache cache-again --quiet 2>far.log
check "a file of authorities that is not there" exits 77 trusting nowhere.pem run nowhere
check "... is named" grep -q 'nowhere.pem' nowhere.log

spec "http://127.0.0.1:$(cat silent.port)/clicks.tsv" '.dataset.remote = {idle_timeout_ms: 200, tries: 2, backoff_ms: 10}' >silence.json
check "a silent server: as patient as dataset.remote says" exits 69 run silence
check "... and no more" grep -q 'said nothing for 0.2 s.*given up after 2 tries' silence.log
spec "http://127.0.0.1:$(cat silent.port)/clicks.tsv" '.dataset.remote.tries = 0' >none.json
check "no try at all is no specification" exits 65 run none
check "... by the name of the field" grep -q '/dataset/remote/tries must be' none.log
finish
