// What a packet costs Vigil, and what it would cost at least: `./run bench`. Without a port, on one
// CPU, one thread. Each round times bursts of ipsec-mb called directly, then bursts of esp_out and
// of esp_in, which gets what esp_out made; so all see the same states of the machine. Replay
// protection is on, and one dropped packet ends the run with an error.
#include <errno.h>
#include <getopt.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"
#include "report.h"
#include "rig.h"

#define BURSTS      16u    // of each probe in a round
#define SWEEPS      4u     // over all cells of a suite, so that a slow while does not hit one cell
#define ROUNDS_MAX  16384u // of a cell
#define MEMORY_MB   320u
#define CELL_MS     1000u
#define CELL_MS_FEW 100u // --quick

static const struct {
	const char *name;
	struct suite suite;
} suites[] = {
	{"AES-128-GCM", {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE}},
	{"AES-256-GCM", {SA_CIPHER_AES_GCM_16, 32, SA_AUTH_NONE}},
	{"AES-128-CBC + HMAC-SHA1", {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96}},
	{"AES-128-CBC + HMAC-SHA256", {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA256_128}},
	{"ChaCha20-Poly1305", {SA_CIPHER_CHACHA_POLY, 32, SA_AUTH_NONE}},
};
static const uint16_t lengths[] = {64, 256, 512, 1024, 1420};
static const uint32_t sa_counts[] = {1, 1000, 10000};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CELLS           (COUNT_OF(sa_counts) * COUNT_OF(lengths)) // of a suite
#define RESULTS         (COUNT_OF(suites) * CELLS)

struct samples {
	unsigned n;
	float of[PROBES][ROUNDS_MAX]; // cycles a packet
};

struct bench {
	struct machine machine;
	uint64_t tsc_hz;
	uint64_t overhead; // cycles of reading the TSC twice, taken off every burst
	uint64_t cell_ms;  // time for one cell
	struct rig rig;
	struct raw raw;
	struct samples cells[CELLS];
	struct result results[RESULTS];
};

// Nothing before it is still under way, nothing behind it has begun.
static inline uint64_t tsc(void)
{
	uint64_t t;

	__builtin_ia32_lfence();
	t = rte_rdtsc();
	__builtin_ia32_lfence();
	return t;
}

// ---- one round -------------------------------------------------------------------------------

static bool round_raw(struct bench *b, uint64_t cycles[PROBES])
{
	for (unsigned i = 0; i < BURSTS; i++) {
		uint64_t start, between, end;
		bool good;

		raw_ready(&b->raw, &b->rig);
		start = tsc();
		good = raw_encrypt(&b->raw);
		between = tsc();
		good &= raw_decrypt(&b->raw);
		end = tsc();
		if (!good || !raw_holds(&b->raw)) {
			fprintf(stderr, "bench: ipsec-mb did not bring a burst back\n");
			return false;
		}
		cycles[PROBE_RAW_ENCRYPT] += between - start - b->overhead;
		cycles[PROBE_RAW_DECRYPT] += end - between - b->overhead;
	}
	return true;
}

static bool dropped(const struct rig *r, const char *stage, uint16_t n)
{
	const char *reason = rig_dropped(r);

	if (n == RIG_BURST && !reason)
		return false;
	fprintf(stderr, "bench: %s returned %u of %u packets (%s)\n", stage, n, RIG_BURST,
	        reason ? reason : "no reason was counted");
	return true;
}

static bool round_vigil(struct bench *b, uint64_t cycles[PROBES])
{
	struct rig *r = &b->rig;

	for (unsigned i = 0; i < BURSTS; i++) {
		uint64_t start, end;
		uint16_t n;

		rig_ready(r);
		start = tsc();
		n = esp_out(r->worker, r->pkts, RIG_BURST);
		end = tsc();
		if (dropped(r, "esp_out", n))
			return false;
		cycles[PROBE_ESP_OUT] += end - start - b->overhead;
		rig_arrive(r);
		start = tsc();
		n = esp_in(r->worker, r->pkts, RIG_BURST);
		end = tsc();
		if (dropped(r, "esp_in", n))
			return false;
		cycles[PROBE_ESP_IN] += end - start - b->overhead;
	}
	return true;
}

static bool one_round(struct bench *b, struct samples *s)
{
	uint64_t cycles[PROBES] = {0};

	// ESP headers lie where the stage before has put its own.
	raw_fill(&b->raw, &b->rig, rte_pktmbuf_data_len(b->rig.pkts[0]));
	if (!round_raw(b, cycles) || !round_vigil(b, cycles))
		return false;
	if (!s || s->n == ROUNDS_MAX)
		return true;
	for (unsigned i = 0; i < PROBES; i++)
		s->of[i][s->n] = (float)cycles[i] / (float)(BURSTS * RIG_BURST);
	s->n++;
	return true;
}

// ---- cells and suites ------------------------------------------------------------------------

static bool measure(struct bench *b, unsigned cell, uint64_t duration)
{
	uint32_t sas = sa_counts[cell / COUNT_OF(lengths)];
	uint64_t until;

	rig_visit(&b->rig, sas);
	rig_fill(&b->rig, lengths[cell % COUNT_OF(lengths)]);
	// Caches and predictors first: every SA is visited once.
	for (unsigned i = 0; i < 2 + sas / (2 * BURSTS * RIG_BURST); i++)
		if (!one_round(b, NULL))
			return false;
	until = rte_rdtsc() + duration;
	do {
		if (!one_round(b, &b->cells[cell]))
			return false;
	} while (rte_rdtsc() < until);
	return true;
}

static bool measure_suite(struct bench *b, unsigned suite)
{
	struct result *results = &b->results[suite * CELLS];
	int err = rig_start(&b->rig, &suites[suite].suite, sa_counts[COUNT_OF(sa_counts) - 1],
	                    b->tsc_hz);
	bool good = err == 0;

	if (err)
		fprintf(stderr, "bench: cannot make the SAs: %s\n", strerror(-err));
	for (unsigned i = 0; i < CELLS; i++)
		b->cells[i].n = 0;
	for (unsigned i = 0; i < SWEEPS * CELLS && good; i++)
		good = measure(b, i % CELLS, b->cell_ms * b->tsc_hz / 1000 / SWEEPS);
	rig_stop(&b->rig);
	for (unsigned i = 0; i < CELLS && good; i++) {
		struct samples *s = &b->cells[i];

		results[i] = (struct result){.suite = suites[suite].name,
		                             .sas = sa_counts[i / COUNT_OF(lengths)],
		                             .len = lengths[i % COUNT_OF(lengths)],
		                             .rounds = s->n};
		for (unsigned p = 0; p < PROBES; p++)
			results[i].of[p] = report_spread(s->of[p], s->n);
	}
	if (good)
		report_block(stdout, results, CELLS);
	return good;
}

// ---- the machine -----------------------------------------------------------------------------

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void tsc_measure(struct bench *b)
{
	uint64_t ns = now_ns(), start = rte_rdtsc(), end;

	b->overhead = UINT64_MAX;
	do {
		uint64_t one = tsc(), two = tsc();

		b->overhead = RTE_MIN(b->overhead, two - one);
		end = now_ns();
	} while (end - ns < 200000000u);
	b->tsc_hz = (uint64_t)((double)(rte_rdtsc() - start) * 1e9 / (double)(end - ns));
	b->machine.tsc_mhz = (double)b->tsc_hz / 1e6;
}

static void cpu_model(char *out, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(out, size, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) == 0 && strstr(line, ": ")) {
			snprintf(out, size, "%s", strstr(line, ": ") + 2);
			out[strcspn(out, "\n")] = '\0';
			break;
		}
	}
	if (f)
		fclose(f);
}

static unsigned free_hugepages_mb(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned pages = 0;

	if (f && fscanf(f, "%u", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 2;
}

// The last CPU that we may use, unless the caller named one: the first has the interrupts.
static int pin(int cpu)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -errno;
	for (int i = CPU_SETSIZE; cpu < 0 && i-- > 0;)
		if (CPU_ISSET(i, &set))
			cpu = i;
	return cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set) ? cpu : -EINVAL;
}

// EAL pins this thread to the CPU. 0 or -errno.
static int eal_start(struct machine *m)
{
	char lcores[32], memory[16];
	char *args[] = {"bench", "--no-pci", "--no-telemetry", "--log-level=error",
	                lcores,  "-m",       memory,           NULL,
	                NULL,    NULL};
	int n = 7;

	snprintf(lcores, sizeof(lcores), "--lcores=0@%u", m->pinned);
	snprintf(memory, sizeof(memory), "%u", MEMORY_MB);
	m->hugepages_mb = free_hugepages_mb() >= MEMORY_MB ? MEMORY_MB : 0;
	args[n++] = m->hugepages_mb ? "--in-memory" : "--no-huge";
	if (!m->hugepages_mb)
		args[n++] = "--no-shconf";
	return rte_eal_init(n, args) < 0 ? -rte_errno : 0;
}

// ---- the program -----------------------------------------------------------------------------

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: bench [--quick] [--cpu N] [--json FILE]\n"
	             "  --quick      about 10 s instead of 80, with a wider spread\n"
	             "  --cpu N      measure on this CPU (the last one)\n"
	             "  --json FILE  write the results for programs as well\n");
	return status;
}

static int run(struct bench *b, FILE *json)
{
	int err = eal_start(&b->machine);
	bool good = true;

	if (err) {
		fprintf(stderr, "bench: EAL does not start: %s\n", strerror(-err));
		return 1;
	}
	err = raw_start(&b->raw);
	if (err) {
		fprintf(stderr, "bench: ipsec-mb does not start: %s\n", strerror(-err));
		return 1;
	}
	tsc_measure(b);
	report_machine(stdout, &b->machine);
	for (unsigned i = 0; i < COUNT_OF(suites) && good; i++)
		good = measure_suite(b, i);
	raw_stop(&b->raw);
	if (good)
		report_end(stdout);
	if (good && json && !report_json(json, &b->machine, b->results, RESULTS)) {
		fprintf(stderr, "bench: cannot write the JSON file\n");
		good = false;
	}
	rte_eal_cleanup();
	return good ? 0 : 1;
}

static void command_line(struct machine *m, int argc, char **argv)
{
	size_t at = (size_t)snprintf(m->command, sizeof(m->command), "./run bench");

	for (int i = 1; i < argc && at < sizeof(m->command); i++)
		at += (size_t)snprintf(m->command + at, sizeof(m->command) - at, " %s", argv[i]);
}

// 0 = go on, else the program's status + 1.
static int arguments(struct bench *b, int argc, char **argv, int *cpu, FILE **json)
{
	static const struct option options[] = {{"quick", no_argument, NULL, 'q'},
	                                        {"cpu", required_argument, NULL, 'c'},
	                                        {"json", required_argument, NULL, 'j'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	int c, end;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			b->cell_ms = CELL_MS_FEW;
			break;
		case 'c':
			end = 0;
			if (sscanf(optarg, "%4u%n", (unsigned *)cpu, &end) != 1 || optarg[end])
				return usage(stderr, 2) + 1;
			break;
		case 'j':
			*json = fopen(optarg, "w");
			if (*json)
				break;
			fprintf(stderr, "bench: cannot write %s: %s\n", optarg, strerror(errno));
			return 2;
		case 'h':
			return usage(stdout, 0) + 1;
		default:
			return usage(stderr, 2) + 1;
		}
	}
	return optind < argc ? usage(stderr, 2) + 1 : 0;
}

int main(int argc, char **argv)
{
	static struct bench b;
	FILE *json = NULL;
	int cpu = -1, status;

	b.cell_ms = CELL_MS;
	command_line(&b.machine, argc, argv);
	status = arguments(&b, argc, argv, &cpu, &json);
	if (status)
		return status - 1;
	cpu = pin(cpu);
	if (cpu < 0) {
		fprintf(stderr, "bench: this process may not run on that CPU\n");
		return 2;
	}
	b.machine.pinned = (unsigned)cpu;
	b.machine.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	b.machine.burst = RIG_BURST;
	b.machine.bursts = BURSTS;
	cpu_model(b.machine.cpu, sizeof(b.machine.cpu));
	status = run(&b, json);
	if (json && fclose(json))
		status = 1;
	return status;
}
