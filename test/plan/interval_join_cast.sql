CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT a.id FROM clicks a JOIN clicks b ON a.id = b.id AND b.ts >= CAST(a.ts AS TIMESTAMP(3)) - INTERVAL '4' MINUTE;
