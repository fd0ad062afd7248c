CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT a.id FROM clicks a, clicks b WHERE a.id = b.id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '4' MINUTE;
