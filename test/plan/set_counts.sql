CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT k FROM (SELECT k, v FROM plain INTERSECT ALL SELECT k, v FROM plain EXCEPT ALL SELECT k, v FROM plain) AS s;
