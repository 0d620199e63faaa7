# Node.js, npm and nginx, and all else of the distribution's. The application is its owner's and stays as it is.
upgrade_packages
nginx -q -t
systemctl restart app nginx
