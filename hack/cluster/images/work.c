/* A container that does what a test asks for. It writes no file, so a read-only
 * root and any user will do. As process 1 it would ignore SIGTERM; it does not,
 * unless told to be stubborn. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: work COMMAND\n"
    "  sleep SECONDS         sleep, then succeed\n"
    "  stubborn SECONDS      the same, deaf to SIGTERM\n"
    "  fail CODE [SECONDS]   sleep, then exit with CODE\n"
    "  print LINES           print LINES numbered lines\n"
    "  noisy SECONDS         print a line to stdout and one to stderr every 10 ms\n"
    "  eat MIB [SECONDS]     take MIB of memory, touch it, hold it\n"
    "  result TEXT           leave TEXT as the termination message\n"
    "  env [NAME...]         print the environment, or the variables named\n";

static void wait_for(double seconds) {
  struct timespec left = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
  while (nanosleep(&left, &left) != 0) {}
}

static void terminated(int signal) {
  static const char message[] = "work: terminated\n";
  (void)!write(STDERR_FILENO, message, sizeof message - 1);
  _exit(128 + signal);
}

static int eat(long mib, double seconds) {
  const size_t chunk = 1 << 20;
  for (long i = 1; i <= mib; i++) {
    char *memory = malloc(chunk);
    if (memory == NULL) return 1;
    memset(memory, (int)i, chunk); /* untouched pages would cost nothing */
    if (i % 16 == 0 || i == mib) printf("ate %ld MiB\n", i);
  }
  wait_for(seconds);
  return 0;
}

static int noisy(double seconds) {
  for (long i = 0; i < seconds * 100; i++) {
    printf("out %ld\n", i);
    fprintf(stderr, "err %ld\n", i);
    wait_for(0.01);
  }
  return 0;
}

static int result(const char *text) {
  FILE *message = fopen("/dev/termination-log", "w");
  if (message == NULL || fputs(text, message) == EOF || fclose(message) != 0) {
    perror("work: /dev/termination-log");
    return 1;
  }
  return 0;
}

static int print_environment(char **names) {
  extern char **environ;
  if (*names == NULL)
    for (char **variable = environ; *variable != NULL; variable++) puts(*variable);
  for (; *names != NULL; names++) {
    const char *value = getenv(*names);
    if (value == NULL) return 1;
    puts(value);
  }
  return 0;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGTERM, terminated);
  signal(SIGINT, terminated);

  const char *command = argc > 1 ? argv[1] : "";
  if (strcmp(command, "env") == 0) return print_environment(argv + 2);

  const char *text = argc > 2 ? argv[2] : NULL;
  if (text == NULL) {
    fputs(usage, stderr);
    return 2;
  }
  const double seconds = argc > 3 ? atof(argv[3]) : 0;

  if (strcmp(command, "sleep") == 0) return wait_for(atof(text)), 0;
  if (strcmp(command, "stubborn") == 0) return signal(SIGTERM, SIG_IGN), wait_for(atof(text)), 0;
  if (strcmp(command, "fail") == 0) return wait_for(seconds), atoi(text);
  if (strcmp(command, "noisy") == 0) return noisy(atof(text));
  if (strcmp(command, "eat") == 0) return eat(atol(text), seconds);
  if (strcmp(command, "result") == 0) return result(text);
  if (strcmp(command, "print") == 0) {
    for (long i = 1; i <= atol(text); i++) printf("line %ld of %s\n", i, text);
    return 0;
  }
  fputs(usage, stderr);
  return 2;
}
