CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT window_start, page, COUNT(*) AS c FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTES)) WHERE page <> 'x' GROUP BY window_start, window_end, page;
