node_24 "$LITE_PARAM_NPM_REGISTRY"
fetch "${LITE_PARAM_NPM_REGISTRY%/}/ghost/-/ghost-6.65.0.tgz" \
  891f68c7da02fe376b1a23e1f28e311da6304dbc95a81b589ff5c4be2c91dc89 /var/tmp/ghost.tgz
