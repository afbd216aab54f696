#!/bin/sh
# Google's function frameworks as the peers of `cold-start`: `functions-framework.sh python|node` serves a function on PORT that says
# hello. FRAMEWORKS_ROOT: where they are installed, kept between runs.
set -eu
root=${FRAMEWORKS_ROOT:?set FRAMEWORKS_ROOT to a folder for the frameworks}
export NODE_ENV=production

install() {
    mkdir -p "$root/node"
    python3 -m venv "$root/python"
    "$root/python/bin/pip" install --quiet functions-framework==3.10.2
    npm install --silent --prefix "$root/node" @google-cloud/functions-framework@5.0.5
    printf 'def hello(request):\n    return "hello"\n' >"$root/main.py"
    printf 'exports.hello = (request, response) => response.send("hello");\n' >"$root/node/index.js"
    touch "$root/installed"
}

[ -e "$root/installed" ] || install >&2
case ${1-} in
    python) exec "$root/python/bin/functions-framework" --source "$root/main.py" --target hello ;;
    node) exec node "$root/node/node_modules/.bin/functions-framework" --source "$root/node" --target hello ;;
    *) echo "usage: functions-framework.sh python|node" >&2 && exit 2 ;;
esac
