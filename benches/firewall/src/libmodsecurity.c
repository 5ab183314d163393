/* Runs requests through libmodsecurity and prints, for each, the processor time of this thread per request in nanoseconds and
 * the status that the rules ask for (0: none). Compiled and started by main.rs; not part of the product.
 *
 * libmodsecurity RULES REQUEST ROUNDS, where RULES holds Include lines and REQUEST is a file: a line each for method, target
 * and the number of headers, then the headers, then the body. */
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADERS 64
#define BODY (1 << 20)

static char method[64], target[65536], names[HEADERS][256], values[HEADERS][4096], body[BODY];
static int headers;
static size_t body_length;

static void line(FILE *file, char *into, size_t room) {
    if (!fgets(into, (int)room, file)) exit(2);
    into[strcspn(into, "\n")] = 0;
}

static void read_request(const char *path) {
    char text[8192];
    FILE *file = fopen(path, "rb");
    if (!file) exit(2);
    line(file, method, sizeof method);
    line(file, target, sizeof target);
    line(file, text, sizeof text);
    headers = atoi(text);
    if (headers > HEADERS) exit(2);
    for (int i = 0; i < headers; i++) {
        line(file, text, sizeof text);
        char *colon = strstr(text, ": ");
        if (!colon) exit(2);
        *colon = 0;
        snprintf(names[i], sizeof names[i], "%.255s", text);
        snprintf(values[i], sizeof values[i], "%.4095s", colon + 2);
    }
    body_length = fread(body, 1, BODY, file);
    fclose(file);
}

static int run(ModSecurity *engine, RulesSet *rules) {
    ModSecurityIntervention refused = {0};
    refused.status = 0;
    Transaction *transaction = msc_new_transaction(engine, rules, NULL);
    msc_process_connection(transaction, "192.0.2.7", 40000, "192.0.2.1", 443);
    msc_process_uri(transaction, target, method, "1.1");
    for (int i = 0; i < headers; i++)
        msc_add_request_header(transaction, (const unsigned char *)names[i], (const unsigned char *)values[i]);
    msc_process_request_headers(transaction);
    if (body_length) msc_append_request_body(transaction, (const unsigned char *)body, body_length);
    msc_process_request_body(transaction);
    int status = msc_intervention(transaction, &refused) ? refused.status : 0;
    msc_transaction_cleanup(transaction);
    return status;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void quiet(void *data, const void *message) { (void)data, (void)message; }

int main(int count, char **words) {
    if (count != 4) return 2;
    const char *error = NULL;
    ModSecurity *engine = msc_init();
    msc_set_log_cb(engine, quiet);
    RulesSet *rules = msc_create_rules_set();
    if (msc_rules_add_file(rules, words[1], &error) < 0) {
        fprintf(stderr, "%s\n", error ? error : "the rules cannot be read");
        return 1;
    }
    read_request(words[2]);
    int rounds = atoi(words[3]), status = 0;
    for (int i = 0; i < rounds / 10 + 1; i++) status = run(engine, rules);
    long long start = now();
    for (int i = 0; i < rounds; i++) run(engine, rules);
    printf("%lld %d\n", (now() - start) / rounds, status);
    return 0;
}
