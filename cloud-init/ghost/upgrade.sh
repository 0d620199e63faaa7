# Ghost and Node.js of the versions that this blueprint has today, and all of the distribution's. Ghost changes its tables by itself
# when it starts. Its site, themes and pictures lie in /var/lib/ghost and stay.
upgrade_packages
fresh=/opt/ghost.new
rm -rf "$fresh"
install -d -m 0755 "$fresh"
tar -xzf /var/tmp/ghost.tgz -C "$fresh" --strip-components=1 --no-same-owner
rm -f /var/tmp/ghost.tgz
cp -p /opt/ghost/config.production.json "$fresh/"
cd "$fresh"
pnpm_install "$LITE_PARAM_NPM_REGISTRY" --frozen-lockfile
cd /
systemctl stop ghost
rm -rf /opt/ghost
mv "$fresh" /opt/ghost
nginx -q -t
systemctl restart mariadb nginx
systemctl start ghost
