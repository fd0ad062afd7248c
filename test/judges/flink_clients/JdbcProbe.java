// SPDX-License-Identifier: Apache-2.0
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Scanner;
import java.util.StringJoiner;

/** Runs each line of standard input as a statement through Flink's JDBC driver; arguments: HOST:PORT. Prints columns with types, rows, and the last cause of errors. */
public class JdbcProbe {
  public static void main(String[] arguments) throws Exception {
    try (Scanner lines = new Scanner(System.in); Connection connection = DriverManager.getConnection("jdbc:flink://" + arguments[0])) {
      while (lines.hasNextLine()) run(connection, lines.nextLine());
      System.out.println("in " + connection.getCatalog() + "." + connection.getSchema());
    }
  }

  static void run(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      if (!statement.execute(sql)) return;
      try (ResultSet rows = statement.getResultSet()) {
        print(rows);
      }
    } catch (Exception failure) {
      Throwable cause = failure;
      while (cause.getCause() != null) cause = cause.getCause();
      System.out.println("error: " + cause.getMessage());
    }
  }

  static void print(ResultSet rows) throws SQLException {
    ResultSetMetaData columns = rows.getMetaData();
    StringJoiner head = new StringJoiner(" | ");
    for (int i = 1; i <= columns.getColumnCount(); i++) head.add(columns.getColumnName(i) + " " + columns.getColumnTypeName(i));
    System.out.println(head);
    while (rows.next()) {
      StringJoiner row = new StringJoiner(" | ");
      for (int i = 1; i <= columns.getColumnCount(); i++) row.add(String.valueOf(rows.getObject(i)));
      System.out.println(row);
    }
  }
}
