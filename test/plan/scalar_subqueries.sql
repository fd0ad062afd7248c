CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT k, v, (SELECT MAX(v) FROM plain) AS top FROM plain WHERE v < (SELECT AVG(v) FROM plain);
