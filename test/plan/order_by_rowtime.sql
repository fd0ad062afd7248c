CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT id, ts FROM clicks ORDER BY ts, id DESC;
