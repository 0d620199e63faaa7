# Shared: a web server behind lite's web front, which alone it believes: that a request came by HTTPS, and from whom.
# Defines `apache_behind_proxy` and `nginx_behind_proxy SITE`, both to be run by the part `published`; without a name they take it
# back. What the front sends without a word about HTTPS is the health check of the host, which has the front's address too.
apache_behind_proxy() {
  local conf=/etc/apache2/conf-available/lite-published.conf
  if [ -z "$LITE_PROXY" ]; then
    rm -f /etc/apache2/conf-enabled/lite-published.conf "$conf"
  else
    cat >"$conf" <<CONF
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy $LITE_PROXY
SetEnvIfExpr "%{CONN_REMOTE_ADDR} == '$LITE_PROXY' && %{HTTP:X-Forwarded-Proto} != 'http'" HTTPS=on
CONF
    a2enmod -q remoteip setenvif
    a2enconf -q lite-published
  fi
  apache2ctl -t
  systemctl reload-or-restart apache2
}
nginx_behind_proxy() {
  local conf=/etc/nginx/conf.d/lite-published.conf site="/etc/nginx/sites-available/$1"
  # The site's own `$scheme` becomes the client's, here and when a later release of the package brings it again.
  sed -i 's/\(X-Forwarded-Proto\) \$scheme;/\1 $lite_scheme;/' "$site"
  {
    printf '%s\n' 'map "$realip_remote_addr $http_x_forwarded_proto" $lite_scheme {' '    default $scheme;'
    if [ -n "$LITE_PROXY" ]; then
      printf '    "%s %s" https;\n' "$LITE_PROXY" https "$LITE_PROXY" ''
    fi
    printf '%s\n' '}' 'map $lite_scheme $lite_https {' '    https on;' "    default '';" '}'
    if [ -n "$LITE_PROXY" ]; then
      printf 'set_real_ip_from %s;\nreal_ip_header X-Forwarded-For;\n' "$LITE_PROXY"
    fi
  } >"$conf"
  nginx -q -t
  systemctl reload-or-restart nginx
}
