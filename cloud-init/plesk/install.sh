# Plesk by its vendor's installer, which is checked before it runs. It brings its own packages and updates.
packages curl ca-certificates
fetch "$LITE_PARAM_DOWNLOAD" "$LITE_PARAM_SHA256" /var/tmp/plesk-installer
chmod 0700 /var/tmp/plesk-installer
/var/tmp/plesk-installer --select-product-id plesk --select-release-latest --installation-type "$LITE_PARAM_COMPONENTS"
rm -f /var/tmp/plesk-installer
