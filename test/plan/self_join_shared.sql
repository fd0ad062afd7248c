CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT a.id, b.v FROM plain a FULL JOIN plain b USING (k);
