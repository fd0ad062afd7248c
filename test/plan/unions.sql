CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT k FROM (SELECT k, v FROM plain UNION ALL SELECT page, 1 FROM (SELECT 'x' AS page) AS t) WHERE v > 0 UNION SELECT 'z';
