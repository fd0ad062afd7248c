CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT s.id FROM (SELECT a.id, a.ts AS t1, b.ts AS t2 FROM clicks a JOIN clicks b ON a.id = b.id) AS s WHERE s.t1 >= s.t2 - INTERVAL '4' MINUTE;
