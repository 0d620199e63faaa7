# nginx, and all else of the distribution's. What it serves stays as it is.
upgrade_packages
nginx -q -t
systemctl restart nginx
