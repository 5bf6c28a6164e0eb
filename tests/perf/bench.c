// What a packet costs Vigil's worker, whole, and what it would cost at least: `./run bench`. On one
// CPU, one thread, which makes a real dataplane, gives it SAs and policies through its contract,
// and plays its worker. Each cell of the table is measured in rounds: the cryptography alone, the
// ports alone, the gateway. Replay protection is on, and one dropped packet ends the run with an
// error.
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "measure.h"
#include "options.h"
#include "pool.h"

#define SWEEPS        2u // over the cells of a number of SAs, so that a slow while does not hit one cell
#define FRAME_USUAL   1450u // with ESP around it, it fits MTU_USUAL
#define MTU_USUAL     1500u
#define BASE_MB       160u
#define BASE_JUMBO_MB 640u  // the gateway's own packets are larger then
#define FLOW_BYTES    4096u // SAs, keys, tunnel, rules
#define PACKET_MORE   1024u // of a packet buffer beyond its frame
#define CELLS         (2 * OPTIONS_LIST)
#define RESULTS       (CELLS * OPTIONS_LIST * OPTIONS_LIST)

struct bench {
	struct options options;
	struct machine machine;
	struct measure measure;
	struct samples cells[CELLS];
	float stages[CELLS][DP_STAGES];
	struct result results[RESULTS];
	unsigned n_results;
};

// ---- the machine -----------------------------------------------------------------------------

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

static uint32_t most(const uint32_t *list, unsigned n)
{
	uint32_t max = 0;

	for (unsigned i = 0; i < n; i++)
		max = RTE_MAX(max, list[i]);
	return max;
}

static bool jumbo(const struct options *o)
{
	return most(o->frames, o->n_frames) > FRAME_USUAL;
}

// What EAL needs for the largest cell.
static unsigned memory_mb(const struct options *o)
{
	uint64_t frame = RTE_MAX(most(o->frames, o->n_frames), POOL_ROOM_SMALL) + PACKET_MORE;

	return (jumbo(o) ? BASE_JUMBO_MB : BASE_MB) +
	       (unsigned)((most(o->sas, o->n_sas) * (FLOW_BYTES + frame)) >> 20);
}

static int start(struct bench *b)
{
	const struct options *o = &b->options;
	unsigned mb = memory_mb(o);
	const struct gateway_config config = {
		.cpu = b->machine.pinned,
		.memory_mb = mb,
		.hugepages = free_hugepages_mb() >= mb,
		.mtu = jumbo(o) ? POOL_MTU_MAX : MTU_USUAL,
		.max_flows = most(o->sas, o->n_sas),
	};
	char err[256] = "no memory";
	int rc = gateway_start(&b->measure.gateway, &config, err, sizeof(err));

	if (rc) {
		fprintf(stderr, "bench: the gateway does not start: %s\n", err);
		return rc;
	}
	snprintf(b->machine.memory, sizeof(b->machine.memory), "%s, %u MB",
	         config.hugepages ? "huge pages" : "small pages (many SAs cost TLB misses)", mb);
	rc = raw_start(&b->measure.raw);
	if (rc)
		fprintf(stderr, "bench: ipsec-mb does not start: %s\n", strerror(-rc));
	return rc ? rc : rig_start(&b->measure.rig, &b->measure.gateway, config.max_flows);
}

static void stop(struct bench *b)
{
	rig_stop(&b->measure.rig);
	raw_stop(&b->measure.raw);
	gateway_stop(&b->measure.gateway);
}

// ---- cells -----------------------------------------------------------------------------------

static void settle(struct bench *b, const struct options_suite *suite, uint32_t sas, unsigned cell)
{
	uint32_t frame = b->options.frames[cell / 2];
	struct samples *s = &b->cells[cell];
	bool inbound = cell % 2;
	struct result *r = &b->results[b->n_results++];

	*r = (struct result){.suite = suite->name,
	                     .direction = inbound ? "in" : "out",
	                     .sas = sas,
	                     .frame = (uint16_t)frame,
	                     .rounds = s->n};
	memcpy(r->stages, b->stages[cell], sizeof(r->stages));
	for (unsigned p = 0; p < PROBES; p++)
		r->of[p] = report_spread(s->of[p], s->n);
	report_row(stdout, r);
}

// A sweep over a cell; the first one looks at the stages as well.
static bool cell(struct bench *b, unsigned index, bool first)
{
	struct measure *m = &b->measure;
	bool inbound = index % 2;

	return measure_cell(m, inbound, b->options.ms / SWEEPS, &b->cells[index]) &&
	       (!first || measure_stages(m, inbound, b->stages[index]));
}

// All frames and directions for one suite and number of SAs.
static bool block(struct bench *b, const struct options_suite *suite, uint32_t sas)
{
	const struct options *o = &b->options;
	struct measure *m = &b->measure;
	int err = gateway_flows(&m->gateway, &suite->suite, sas);
	bool good = err == 0;

	if (err)
		fprintf(stderr, "bench: cannot make the SAs: %s\n", strerror(-err));
	for (unsigned i = 0; i < CELLS; i++)
		b->cells[i].n = 0;
	for (unsigned i = 0; i < SWEEPS * o->n_frames && good; i++) {
		unsigned f = i % o->n_frames;

		good = rig_open(&m->rig, sas, (uint16_t)o->frames[f]) == 0;
		if (good && o->out)
			good = cell(b, 2 * f, i < o->n_frames);
		if (good && o->in)
			good = cell(b, 2 * f + 1, i < o->n_frames);
		rig_close(&m->rig);
	}
	if (good)
		report_head(stdout, suite->name, sas);
	for (unsigned i = 0; i < 2 * o->n_frames && good; i++) {
		unsigned index = i % o->n_frames * 2 + i / o->n_frames; // outbound first

		if (b->cells[index].n)
			settle(b, suite, sas, index);
	}
	return good;
}

// ---- the program -----------------------------------------------------------------------------

static bool write_json(const struct bench *b)
{
	FILE *f = fopen(b->options.json, "w");
	bool good = f && report_json(f, &b->machine, b->results, b->n_results);

	if (f)
		good &= fclose(f) == 0;
	if (!good)
		fprintf(stderr, "bench: cannot write %s: %s\n", b->options.json, strerror(errno));
	return good;
}

static bool run(struct bench *b)
{
	const struct options *o = &b->options;
	bool good = start(b) == 0;

	if (good) {
		measure_tsc(&b->measure);
		b->machine.tsc_mhz = (double)b->measure.tsc_hz / 1e6;
		report_machine(stdout, &b->machine);
	}
	for (unsigned s = 0; s < o->n_suites && good; s++)
		for (unsigned n = 0; n < o->n_sas && good; n++)
			good = block(b, o->suites[s], o->sas[n]);
	stop(b);
	if (good)
		report_end(stdout, b->results, b->n_results);
	return good && (!o->json || write_json(b));
}

static void command_line(struct machine *m, int argc, char **argv)
{
	size_t at = (size_t)snprintf(m->command, sizeof(m->command), "./run bench");

	for (int i = 1; i < argc && at < sizeof(m->command); i++)
		at += (size_t)snprintf(m->command + at, sizeof(m->command) - at, " %s", argv[i]);
}

int main(int argc, char **argv)
{
	static struct bench b;
	int cpu, status;

	command_line(&b.machine, argc, argv);
	status = options_parse(&b.options, argc, argv);
	if (status)
		return status - 1;
	if (b.options.memory) {
		printf("%u\n", memory_mb(&b.options));
		return 0;
	}
	cpu = pin(b.options.cpu);
	if (cpu < 0) {
		fprintf(stderr, "bench: this process may not run on that CPU\n");
		return 2;
	}
	b.machine.pinned = (unsigned)cpu;
	b.machine.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	b.machine.burst = RIG_BURST;
	b.machine.packets = MEASURE_PACKETS;
	cpu_model(b.machine.cpu, sizeof(b.machine.cpu));
	return run(&b) ? 0 : 1;
}
