# Magento's own URLs. It goes on answering at its address, for the health check of the host.
secure=0
if [ -n "$LITE_DOMAIN" ]; then
  secure=1
fi
magento() {
  setpriv --reuid=magento --regid=www-data --clear-groups php -d memory_limit=2G /srv/magento/bin/magento "$@"
}
magento setup:store-config:set --no-interaction --base-url="$LITE_URL" --base-url-secure="$LITE_URL" \
  --use-secure="$secure" --use-secure-admin="$secure"
magento config:set --no-interaction web/url/redirect_to_base 0
# Its own nginx.conf.sample, with the client's scheme for PHP.
sed 's/^\( *\)include  *fastcgi_params;/&\n\1fastcgi_param HTTPS $lite_https if_not_empty;/' /srv/magento/nginx.conf.sample \
  >/etc/nginx/magento.conf
sed -i 's|include /srv/magento/nginx.conf.sample;|include /etc/nginx/magento.conf;|' /etc/nginx/sites-available/magento
nginx_behind_proxy magento
magento cache:flush
