CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
CREATE TABLE users (id BIGINT, name STRING, city STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'topic'='users', 'format'='json');
SET 'table.exec.resource.default-parallelism' = '4'; SET 'table.exec.state.ttl' = '1 h';
SELECT /*+ STATE_TTL('c'='10 min') */ c.page, u.name FROM clicks c LEFT JOIN users AS u ON c.user_id = u.id AND c.id > 3 AND u.city <> c.page;
