CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT a.id, (SELECT v FROM plain b WHERE b.k = a.k LIMIT 1) FROM plain a;
