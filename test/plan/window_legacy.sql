CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT page, TUMBLE_START(ts, INTERVAL '1' MINUTE) AS s, COUNT(DISTINCT user_id) AS u FROM clicks GROUP BY page, TUMBLE(ts, INTERVAL '1' MINUTE);
