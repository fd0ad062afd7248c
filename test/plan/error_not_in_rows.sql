CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT id FROM plain WHERE (k, v) NOT IN (SELECT k, v FROM plain);
