CREATE TABLE users (id BIGINT, name STRING, city STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'topic'='users', 'format'='json');
CREATE TABLE by_city (city STRING, name STRING, PRIMARY KEY (city) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'topic'='c', 'format'='json');
INSERT INTO by_city SELECT city, name FROM users WHERE name <> 'x';
