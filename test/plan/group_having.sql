CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT page, COUNT(*) AS c FROM clicks WHERE user_id > 10 AND 1 = 1 GROUP BY page HAVING COUNT(*) > 2 AND page <> 'x';
