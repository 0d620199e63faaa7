# Joomla takes its URL from the request.
apache_behind_proxy
