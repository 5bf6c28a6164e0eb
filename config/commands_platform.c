// `platform`: ports, cores and memory. Ours, not IOS's. Any thread. Must not look at the machine:
// whether a core or a device exists is found out when the program starts.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

static struct config_platform *platform(const struct command_call *call)
{
	return &edit_of(call)->config->platform;
}

static int platform_enter(struct command_call *call)
{
	struct config_platform *p = platform(call);
	struct config *fresh;

	if (!call->no) {
		edit_enter(call, MODE_PLATFORM, "", 0);
		return 0;
	}
	fresh = config_create();
	if (!fresh)
		return edit_no_memory(call);
	array_free(&p->ports, &p->n_ports, sizeof(*p->ports));
	*p = fresh->platform;
	config_free(fresh);
	return 0;
}

static int workers(struct command_call *call)
{
	platform(call)->workers = call->no ? 1 : (uint16_t)command_number(call, "n", 1);
	platform(call)->n_worker_cores = 0;
	return 0;
}

static bool has_core(const struct config_platform *p, unsigned long core)
{
	for (unsigned i = 0; i < p->n_worker_cores; i++)
		if (p->worker_cores[i] == core)
			return true;
	return false;
}

// One core or range of "1,3-5"; *text moves behind it. NULL, or what is wrong.
static const char *core_range(const char **text, struct config_platform *out)
{
	unsigned from = 0, to = 0;
	int n = 0;

	if (!isdigit((unsigned char)**text) || sscanf(*text, "%4u%n", &from, &n) != 1)
		return "expected a list of cores such as 1,3-5";
	*text += n;
	to = from;
	if (**text == '-') {
		if (!isdigit((unsigned char)(*text)[1]) || sscanf(*text + 1, "%4u%n", &to, &n) != 1)
			return "expected a list of cores such as 1,3-5";
		*text += n + 1;
	}
	if (to < from || to > 1023)
		return "expected cores from 0 to 1023, the lower one first";
	for (unsigned core = from; core <= to; core++) {
		if (has_core(out, core))
			return "a core is listed twice";
		if (out->n_worker_cores == CONFIG_CORES)
			return "expected at most 64 cores";
		out->worker_cores[out->n_worker_cores++] = (uint16_t)core;
	}
	return NULL;
}

static int worker_cores(struct command_call *call)
{
	const struct command_arg *list = command_arg(call, "list");
	struct config_platform cores = {0}, *p = platform(call);
	const char *text, *wrong = NULL;

	if (call->no)
		return workers(call);
	text = list->text;
	do {
		wrong = core_range(&text, &cores);
	} while (!wrong && *text == ',' && *++text);
	if (!wrong && (*text || text[-1] == ','))
		wrong = "expected a list of cores such as 1,3-5";
	if (wrong)
		return command_fail(call, list, "%s", wrong);
	memcpy(p->worker_cores, cores.worker_cores, sizeof(p->worker_cores));
	p->n_worker_cores = p->workers = cores.n_worker_cores;
	return 0;
}

static int control_core(struct command_call *call)
{
	platform(call)->control_core = call->no ? -1 : (int32_t)command_number(call, "n", 0);
	return 0;
}

static int memory(struct command_call *call)
{
	platform(call)->memory_mb = call->no ? 512 : (uint32_t)command_number(call, "mb", 512);
	return 0;
}

static int hugepages(struct command_call *call)
{
	platform(call)->hugepages = !call->no || call->is_default;
	return 0;
}

static int idle(struct command_call *call)
{
	bool adaptive = !call->no && command_has(call, "adaptive");

	platform(call)->idle = adaptive ? CONFIG_IDLE_ADAPTIVE : CONFIG_IDLE_POLL;
	return 0;
}

// "[0000:]01:00.0"
static bool is_pci(const char *text)
{
	unsigned domain, bus, dev, fn;
	int end = 0;
	bool full = sscanf(text, "%4x:%2x:%2x.%1u%n", &domain, &bus, &dev, &fn, &end) == 4;

	if (!full && sscanf(text, "%2x:%2x.%1u%n", &bus, &dev, &fn, &end) != 3)
		return false;
	// The PMD's own options may follow the address.
	return end > 0 && (text[end] == '\0' || text[end] == ',') && fn < 8 && dev < 32;
}

static struct config_port *find_port(struct config_platform *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_ports; i++)
		if (!strcmp(p->ports[i].name, name))
			return &p->ports[i];
	return NULL;
}

static int port_remove(struct command_call *call, const struct command_arg *name)
{
	struct config_platform *p = platform(call);
	struct config_port *port = find_port(p, name->text);

	if (!port)
		return command_fail(call, name, "port %s is not configured", name->text);
	array_remove(&p->ports, &p->n_ports, sizeof(*port), (uint32_t)(port - p->ports));
	return 0;
}

static int port(struct command_call *call)
{
	const struct command_arg *name = command_arg(call, "name");
	const struct command_arg *device = command_arg(call, "device");
	struct config_platform *p = platform(call);
	struct config_port new = {
		.rx_queues = (uint16_t)command_number(call, "queues", 0),
		.line = edit_of(call)->line,
	};
	struct config_port *old;

	if (call->no)
		return port_remove(call, name);
	if (edit_copy(call, "name", new.name, sizeof(new.name)) ||
	    edit_copy(call, "device", new.device, sizeof(new.device)))
		return -EINVAL;
	if (strpbrk(device->text, " \t"))
		return command_fail(call, device, "a device has no blanks in it");
	if (strncmp(device->text, "net_", 4) && !is_pci(device->text))
		return command_fail(call, device,
		                    "expected a PCI address such as 0000:01:00.0 or a virtual "
		                    "device such as net_af_packet0,iface=eth1");
	old = find_port(p, new.name);
	if (old)
		*old = new;
	else if (!array_push(&p->ports, &p->n_ports, sizeof(new), &new))
		return edit_no_memory(call);
	return 0;
}

static int max_peers(struct command_call *call)
{
	platform(call)->max_peers = call->no ? 4096 : (uint32_t)command_number(call, "n", 4096);
	return 0;
}

static int max_sas(struct command_call *call)
{
	platform(call)->max_sas = call->no ? 16384 : (uint32_t)command_number(call, "n", 16384);
	return 0;
}

static int socket_path(struct command_call *call)
{
	struct config_platform *p = platform(call);
	const struct command_arg *path = command_arg(call, "path");

	if (call->no) {
		snprintf(p->socket, sizeof(p->socket), CONFIG_SOCKET);
		return 0;
	}
	if (path->text[0] != '/')
		return command_fail(call, path, "expected an absolute path");
	return edit_copy(call, "path", p->socket, sizeof(p->socket));
}

static const struct command_word words[] = {
	{"platform", "Ports, cores and memory of this gateway"},
	{"workers", "Number of worker cores"},
	{"worker", "Worker cores"},
	{"cores", "Cores by number"},
	{"list", "Cores, for example 1,3-5"},
	{"control", "Control core"},
	{"core", "Core by number"},
	{"n", "Number"},
	{"memory", "Memory for packets and tables"},
	{"mb", "Megabytes"},
	{"hugepages", "Take memory from hugepages"},
	{"idle", "What workers do without packets"},
	{"poll", "Poll all the time"},
	{"adaptive", "Sleep when idle: until a port wakes them, else 20 us"},
	{"port", "Bind an interface name to a device"},
	{"name", "Interface name"},
	{"rx-queues", "Number of receive queues"},
	{"queues", "Queues; default one for each worker"},
	{"device", "PCI address, or virtual device to the end of the line"},
	{"max-peers", "Largest number of peers"},
	{"max-sas", "Largest number of IPsec SAs"},
	{"socket", "Unix socket of the command line"},
	{"path", "Absolute path"},
	{NULL, NULL},
};

static const struct command_word ignored_words[] = {
	{"platform", "Ports, cores and memory of this gateway"},
	{"console", "Console of a router (ignored)"},
	{"hardware", "Hardware of a router (ignored)"},
	{"ipsec", "Hardware of a router (ignored)"},
	{"multicast", "Multicast of a router (ignored)"},
	{"punt-keepalive", "Watch over a router's processes (ignored)"},
	{"punt-policer", "Limit on packets to a router's processor (ignored)"},
	{"qfp", "Packet processor of a router (ignored)"},
	{"rest", "Ignored"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "platform", "", platform_enter, words},
	// What ISR 4000 and ASR 1000 have under the same word.
	{MODE_CONFIG,
         "platform {console|hardware|ipsec|multicast|punt-keepalive|punt-policer|qfp} [rest:LINE]",
         "", command_ignored, ignored_words},
	{MODE_PLATFORM, "workers n:<1-64>", "workers", workers, words},
	{MODE_PLATFORM, "worker cores list:WORD<1-255>", "worker cores", worker_cores, words},
	{MODE_PLATFORM, "control core n:<0-1023>", "control core", control_core, words},
	{MODE_PLATFORM, "memory mb:<64-1048576>", "memory", memory, words},
	{MODE_PLATFORM, "hugepages", "", hugepages, words},
	{MODE_PLATFORM, "idle {poll|adaptive}", "idle", idle, words},
	{MODE_PLATFORM, "port name:IFNAME [rx-queues queues:<1-64>] device:LINE",
         "port name:IFNAME", port, words},
	{MODE_PLATFORM, "max-peers n:<1-1048576>", "max-peers", max_peers, words},
	{MODE_PLATFORM, "max-sas n:<1-4194304>", "max-sas", max_sas, words},
	{MODE_PLATFORM, "socket path:WORD<1-107>", "socket", socket_path, words},
};

const struct command_table commands_platform = {commands, sizeof(commands) / sizeof(commands[0]),
                                                COMMANDS_NO_LIST};
