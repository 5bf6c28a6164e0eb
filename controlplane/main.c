// vigild: reads the startup file, starts everything in order, runs the control core, and unwinds in
// reverse order. The main thread is the control core.
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apply.h"
#include "child.h"
#include "child_ends.h"
#include "child_spis.h"
#include "control.h"
#include "dh_pool.h"
#include "diag.h"
#include "ike1/ike1.h"
#include "ike_sa.h"
#include "load.h"
#include "loop.h"
#include "manage/log_writer.h"
#include "manage/manage.h"
#include "neighbour.h"
#include "peer.h"
#include "router.h"
#include "secret.h"

#define DH_THREADS     1
#define DH_QUEUE       4096
#define NICE           (-10)
#define DRAIN_STUCK_MS 2000
#define DRAIN_MS       30000 // two messages to each of a million peers take ten seconds
#define FIRST_CONN_ID  1001
#define TUNNELS_PER_SA 2 // SAs a tunnel at least: in and out
#define RENEWALS_MIN   64u

static volatile int stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: vigild -f FILE [--check]\n"
	            "  -f FILE   startup configuration, Cisco IOS syntax\n"
	            "  --check   check the file and say what is wrong with it, start nothing\n"
	            "  --version\n"
	            "  -h, --help\n");
}

static void print_diags(const struct diag_list *diags)
{
	struct text t = {0};

	diag_format_all(diags, &t);
	if (t.len)
		fwrite(t.data, 1, t.len, stderr);
	text_fini(&t);
}

// What the startup file was warned about stands in the log too: there somebody may look for it
// later.
static void log_diags(struct log *log, const struct diag_list *diags)
{
	for (uint32_t i = 0; i < diags->n; i++) {
		const struct diag *d = &diags->items[i];

		log_msg(log, d->severity == DIAG_WARNING ? LOG_WARNING : LOG_NOTICE, "PARSER",
		        d->severity == DIAG_WARNING ? "WARNING" : "NOTICE", "%s:%u: %s",
		        diags->name ? diags->name : "startup", d->line, d->message);
	}
}

// Renewals go on when all tunnels that may be are: an eighth more SAs than are configured, as long
// as an SPI can name them.
static uint32_t sas_for_renewals(const struct config_platform *p)
{
	uint32_t more = p->max_sas / 8 < RENEWALS_MIN ? RENEWALS_MIN : p->max_sas / 8;
	uint32_t most = dp_sas_most(p->workers);
	uint32_t left = most > p->max_sas ? most - p->max_sas : 0;

	return more < left ? more : left;
}

static int tables_init(struct control *c)
{
	const struct config_platform *p = &c->config->platform;

	c->sas_for_renewals = sas_for_renewals(p);
	c->max_sas = p->max_sas + c->sas_for_renewals;
	c->max_tunnels = p->max_sas / TUNNELS_PER_SA;
	c->n_ports = p->n_ports;
	c->next_conn_id = FIRST_CONN_ID;
	c->flow_of_tunnel = calloc(c->max_tunnels, sizeof(*c->flow_of_tunnel));
	c->child_of_sa = calloc(c->max_sas, sizeof(*c->child_of_sa));
	c->ports = calloc(DP_IFACES_MAX, sizeof(*c->ports));
	c->neighbours = neighbour_create(p->max_peers);
	if (peer_tables_init(c, p->max_peers) < 0 || child_spis_init(c) < 0 || !c->flow_of_tunnel ||
	    !c->child_of_sa || !c->ports || !c->neighbours)
		return -ENOMEM;
	for (unsigned i = 0; i < p->n_ports; i++)
		memcpy(c->ports[i], p->ports[i].name, sizeof(c->ports[i]));
	if (slab_init(&c->peers, sizeof(struct peer), p->max_peers) < 0 ||
	    slab_init(&c->ike_sas, sizeof(struct ike_sa), p->max_peers * 2) < 0 ||
	    slab_init(&c->children, sizeof(struct child), c->max_sas) < 0)
		return -ENOMEM;
	return 0;
}

static void tables_fini(struct control *c)
{
	neighbour_destroy(c);
	child_ends_fini(c);
	child_spis_fini(c);
	slab_fini(&c->children);
	slab_fini(&c->ike_sas);
	slab_fini(&c->peers);
	free(c->ports);
	free(c->child_of_sa);
	free(c->flow_of_tunnel);
	peer_tables_fini(c);
}

// What its interface and its subinterfaces will ask of a port.
static void port_needs(const struct config *c, const struct config_port *port,
                       struct dp_port_config *out)
{
	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct config_interface *n = &c->interfaces[i];
		uint16_t mtu, mtu6 = config_interface_mtu6(c, n);
		bool is_sub;

		if (config_interface_port(c, n->name, &is_sub) != port)
			continue;
		mtu = n->mtu ? n->mtu : config_interface_mtu(c, n);
		out->vlans |= n->vlan != 0;
		if (mtu > out->mtu)
			out->mtu = mtu;
		if (mtu6 > out->mtu)
			out->mtu = mtu6;
	}
}

_Static_assert(CONFIG_PORTS <= DP_PORTS_MAX && CONFIG_PORT_NAME <= DP_NAME_MAX &&
                       CONFIG_PORT_DEVICE <= DP_DEVICE_MAX,
               "what the configuration lets through has room in the dataplane");

// The ports as the dataplane takes them.
static void ports_fill(const struct config *c, struct dp_port_config ports[DP_PORTS_MAX])
{
	const struct config_platform *p = &c->platform;

	for (unsigned i = 0; i < p->n_ports; i++) {
		memcpy(ports[i].name, p->ports[i].name, strlen(p->ports[i].name) + 1);
		memcpy(ports[i].device, p->ports[i].device, strlen(p->ports[i].device) + 1);
		ports[i].rx_queues = p->ports[i].rx_queues;
		port_needs(c, &p->ports[i], &ports[i]);
	}
}

static struct dp *start_dataplane(const struct control *c, struct log *log)
{
	const struct config_platform *p = &c->config->platform;
	struct dp_port_config ports[DP_PORTS_MAX] = {0};
	unsigned cpus[CONFIG_CORES];
	struct dp_config config = {
		.ports = ports,
		.n_ports = p->n_ports,
		.worker_cpus = cpus,
		.n_workers = p->workers,
		.control_cpu = p->control_core >= 0 ? (unsigned)p->control_core : 0,
		.memory_mb = p->memory_mb,
		.hugepages = p->hugepages,
		.idle_adaptive = p->idle == CONFIG_IDLE_ADAPTIVE,
		.max_peers = p->max_peers,
		.max_tunnels = c->max_tunnels,
		.max_sas = c->max_sas,
		.max_ike_sas = p->max_peers * 2,
	};
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	char err[256] = "";
	struct dp *dp;

	ports_fill(c->config, ports);
	// Without a list the workers take the cores after the control core, in turn.
	for (unsigned i = 0; i < p->workers && i < CONFIG_CORES; i++)
		cpus[i] = p->n_worker_cores ? p->worker_cores[i]
		                            : (config.control_cpu + 1 + i) %
		                                      (unsigned)(online > 0 ? online : 1);
	dp = dp_start(&config, log, err, sizeof(err));
	if (!dp)
		fprintf(stderr, "vigild: %s\n", err[0] ? err : strerror(errno));
	return dp;
}

// Starts the command line's threads where the process may run, not on the control core alone.
static int manage_unpinned(struct control *c, const char *startup, const cpu_set_t *all)
{
	cpu_set_t pinned;
	int err;

	pthread_getaffinity_np(pthread_self(), sizeof(pinned), &pinned);
	pthread_setaffinity_np(pthread_self(), sizeof(*all), all);
	err = manage_start(c, c->config->platform.socket, startup);
	pthread_setaffinity_np(pthread_self(), sizeof(pinned), &pinned);
	return err;
}

// Start list with reverse unwind.
static int run(struct control *c, const char *startup, const struct diag_list *diags)
{
	int ret = EXIT_FAILURE;
	cpu_set_t cpus;

	pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (log_writer_start(&c->log, c->config) < 0) {
		fprintf(stderr, "vigild: no memory for the log, or no thread\n");
		return ret;
	}
	log_diags(&c->log, diags);
	if (tables_init(c) < 0) {
		fprintf(stderr, "vigild: out of memory\n");
		goto out_tables;
	}
	// Before the dataplane: it pins this thread, and threads made later would share that core.
	c->dh = dh_pool_create(DH_THREADS, DH_QUEUE);
	if (!c->dh) {
		fprintf(stderr, "vigild: Diffie-Hellman threads: %s\n", strerror(errno));
		goto out_tables;
	}
	c->dp = start_dataplane(c, &c->log);
	if (!c->dp)
		goto out_dh;
	(void)dp_control_watch(c->dp, dh_pool_fd(c->dh));
	if (loop_init(c) < 0 || ike1_start(c) < 0) {
		fprintf(stderr, "vigild: no memory for IKE\n");
		goto out_dp;
	}
	if (apply_start(c) < 0) {
		log_msg(&c->log, LOG_ERROR, "SYS", "CONFIG", "Out of memory");
		goto out_apply;
	}
	if (manage_unpinned(c, startup, &cpus) < 0)
		goto out_apply;
	log_msg(&c->log, LOG_NOTICE, "SYS", "RESTART", "Vigil started, %s", dp_version());
	loop_run(c, &stop);
	log_msg(&c->log, LOG_NOTICE, "SYS", "STOP", "Vigil is stopping");
	router_stop(c);
	loop_drain(c, DRAIN_STUCK_MS, DRAIN_MS);
	ret = EXIT_SUCCESS;
	manage_stop(c);
out_apply:
	apply_stop(c);
	ike1_stop(c);
out_dp:
	dp_stop(c->dp);
out_dh:
	dh_pool_destroy(c->dh);
out_tables:
	tables_fini(c);
	log_writer_stop(&c->log);
	return ret;
}

static int parse_args(int argc, char **argv, const char **startup, bool *check)
{
	static const struct option options[] = {{"check", no_argument, NULL, 'c'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {"version", no_argument, NULL, 'v'},
	                                        {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			*startup = optarg;
			break;
		case 'c':
			*check = true;
			break;
		case 'v':
			printf("vigild %s\n", dp_version());
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (*startup && optind == argc)
		return 0;
	usage(stderr);
	return -EINVAL;
}

// jemalloc's settings. Its operations take a bounded time, however much was freed before, as long
// as it gives nothing back to the system in the middle of one. glibc's malloc sorts up to 10,000
// freed pieces at once, which took a turn of the control core 13 ms with 150,000 peers.
const char *malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1,narenas:2";

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct control control = {0};
	struct diag_list diags;
	const char *startup = NULL;
	bool check = false;
	int err;

	err = parse_args(argc, argv, &startup, &check);
	if (err)
		return err < 0 ? 2 : EXIT_SUCCESS;
	err = load_file(startup, &control.config, &diags);
	print_diags(&diags);
	if (err == 0 && check)
		printf("%s: ok, %u warnings, %u notices\n", startup, diags.warnings, diags.notices);
	if (err < 0 && !diags.errors)
		fprintf(stderr, "vigild: %s: %s\n", startup, strerror(-err));
	if (err < 0 || check) {
		err = err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		goto out;
	}
	// Beside other work the scheduler should prefer us: a late control turn defers every
	// verdict on a peer. Without the right to it the attempt is harmless.
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); // the terminal goes, the gateway stays
	err = run(&control, startup, &diags);
out:
	diag_fini(&diags);
	config_free(control.config);
	return err;
}
