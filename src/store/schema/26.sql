-- The number by which the API calls this host, drawn once.
CREATE TABLE api_account (number TEXT NOT NULL CHECK (length(number) = 12)) STRICT;
INSERT INTO api_account VALUES (printf('%012d', abs(random() % 1000000000000)));
