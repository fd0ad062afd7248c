CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT window_start, COUNT(*) AS c
FROM TABLE(TUMBLE(TABLE plain, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;
