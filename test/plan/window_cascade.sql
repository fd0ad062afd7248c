CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT window_start, window_end, SUM(c) AS total
FROM TABLE(TUMBLE(TABLE (SELECT page, window_time AS rt, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY page, window_start, window_end, window_time), DESCRIPTOR(rt), INTERVAL '1' HOUR))
GROUP BY window_start, window_end;
