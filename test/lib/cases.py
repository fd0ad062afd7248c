# SPDX-License-Identifier: Apache-2.0
"""Test cases that share one node: it is started before the first test of a class, and must stop cleanly after the last."""
import unittest

import firn


class NodeCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = firn.Node().start()

    @classmethod
    def tearDownClass(cls):
        with cls.node.temporary:
            code = cls.node.stop()
        assert code == 0, f"the node ended with {code}: {cls.node.log_tail()}"


class SqlCase(NodeCase):
    """With one session of the SQL gateway."""
    PROPERTIES = {"table.dml-sync": "true"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.session = firn.Session(cls.node.sql, cls.PROPERTIES)

    @classmethod
    def run_sql(cls, statement):
        return cls.session.execute(statement)

    def rows(self, query):
        return sorted(self.run_sql(query).texts(), key=str)

    def refused(self, statement, *words):
        with self.assertRaises(firn.SqlError) as caught:
            self.run_sql(statement)
        for word in words:
            self.assertIn(word, str(caught.exception))
