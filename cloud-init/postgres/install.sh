# PostgreSQL from the distribution, on a socket and localhost; nftables for the addresses that may come in.
packages postgresql postgresql-client nftables
