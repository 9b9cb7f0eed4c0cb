"""What malicious pickles name.

`NAMED` lists what the files of picklescan's collection name (its source package holds
the list, not the files), `LISTED` what its list of dangerous names and fickling's
advisories add, and `NEARLY` what is almost a name that a good file has.
"""

from __future__ import annotations

NAMED = {
    "malicious0": "__builtin__.compile __builtin__.globals __builtin__.dict __builtin__.apply "
    "__builtin__.getattr __builtin__.eval",
    "malicious1": "__builtin__.eval builtins.eval",
    "malicious2": "posix.system nt.system",
    "malicious3": "httplib.HTTPSConnection",
    "malicious4, 6": "requests.api.get",
    "malicious5": "aiohttp.client.ClientSession",
    "malicious7": "socket.create_connection",
    "malicious8": "subprocess.run",
    "malicious9": "sys.exit",
    "malicious10": "__builtin__.exec",
    "malicious11, 12": "operator.attrgetter builtins.__import__",
    "malicious13": "pickle.loads _pickle.loads _codecs.decode",
    "malicious14": "runpy._run_code",
    "malicious15": "bdb.Bdb bdb.Bdb.run builtins.exec",
    "malicious16": "venv.create",
    "malicious17": "torch._inductor.codecache.compile_file",
    "malicious18": "pydoc.pipepager",
    "malicious19": "torch.serialization.load functools.partial",
    "malicious20": "pip.main",
    "malicious21": "timeit.timeit",
    "malicious22": "numpy.testing._private.utils.runstring",
    "malicious23": "os.system",
    "dns_exfiltration": "ssl.get_server_certificate",
    "GHSA-4r9r, 4whj": "torch.utils.bottleneck.__main__.run_cprofile "
    "torch.utils.bottleneck.__main__.run_autograd_prof",
    "GHSA-86cj": "torch._dynamo.guards.GuardBuilder.get",
    "GHSA-f4x7": "torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression",
    "GHSA-f745, jhph": "torch.utils.collect_env.run torch.utils.collect_env.run_and_read_all",
    "GHSA-h3qp": "torch.utils.data.datapipes.utils.decoder.basichandlers",
    "GHSA-vr7h": "torch.jit.unsupported_tensor_ops.execWrapper",
    "GHSA-vv6j": "torch.utils._config_module.ConfigModule.load_config",
    "GHSA-5qwp, g344": "trace.Trace.run trace.Trace.runctx",
    "GHSA-x696, 6vqj, 7wx9": "profile.Profile.run profile.Profile.runctx profile.run",
    "GHSA-f54q, p9w7": "lib2to3.pgen2.grammar.Grammar.loads "
    "lib2to3.pgen2.pgen.ParserGenerator.make_label",
    "GHSA-3vg9": "idlelib.debugobj.ObjectTreeItem.SetText",
    "GHSA-6w4w, 7cq8": "idlelib.autocomplete.AutoComplete.get_entity "
    "idlelib.autocomplete.AutoComplete.fetch_completions",
    "GHSA-cj3c": "code.InteractiveInterpreter.runcode",
    "GHSA-8r4j, 9xph": "idlelib.calltip.Calltip.fetch_tip idlelib.calltip.get_entity",
    "GHSA-xp4f": "ensurepip._run_pip",
    "GHSA-m869": "idlelib.run.Executive.runcode",
    "GHSA-j343, 3gf5": "idlelib.pyshell.ModifiedInterpreter.runcommand "
    "idlelib.pyshell.ModifiedInterpreter.runcode",
    "GHSA-fqq6": "doctest.debug_script",
    "GHSA-9w88, 49gj": "cProfile.runctx cProfile.run",
    "GHSA-q77w, jgw4": "asyncio.unix_events._UnixSubprocessTransport._start",
    "GHSA-m273": "distutils.file_util.write_file",
    "GHSA-4675": "ctypes.CDLL",
    "GHSA-84r2": "pydoc.locate operator.methodcaller",
    "GHSA-vqmv": "pty.spawn",
    "GHSA-r8g5": "numpy.f2py.crackfortran.getlincoef",
    "GHSA-955r, 46h3": "_operator.methodcaller _operator.attrgetter",
    "io_FileIO": "_io.FileIO",
    "urllib": "urllib.request.urlopen",
    "logging": "logging.FileHandler",
    "GHSA-vvpj": "pkgutil.resolve_name",
    "types_CodeType": "types.CodeType",
    "cloudpickle": "cloudpickle.cloudpickle._make_function cloudpickle.cloudpickle._builtin_type "
    "cloudpickle.cloudpickle._function_setstate cloudpickle.cloudpickle._make_cell "
    "cloudpickle.cloudpickle._make_empty_cell cloudpickle.cloudpickle.subimport",
    "GHSA-g38g": "uuid._get_command_stdout _osx_support._read_output "
    "_aix_support._read_cmd_output imaplib.IMAP4_stream _pyrepl.pager.pipe_pager "
    "test.support.script_helper.assert_python_ok",
    "object_array": "numpy.object_ numpy.matrix numpy.memmap",
    "pytorch_model": "torch.FloatStorage collections.OrderedDict torch._utils._rebuild_tensor_v2 "
    "torch._utils._rebuild_tensor",
}

LISTED = (
    "__builtin__.open builtins.open builtins.breakpoint builtins.getattr builtins.__import__ "
    "builtins.compile builtins.globals builtins.input builtins.setattr builtins.vars "
    "commands.getoutput shutil.rmtree os.popen os.execv subprocess.call subprocess.Popen "
    "subprocess.check_output operator.itemgetter pdb.run webbrowser.open pty.spawn "
    "marshal.loads types.FunctionType importlib.import_module multiprocessing.util.spawnv_passfds "
    "runpy.run_path runpy.run_module code.InteractiveInterpreter socket.socket ctypes.windll "
    "_posixsubprocess.fork_exec site.execsitecustomize atexit._run_exitfuncs smtplib.SMTP "
    "ftplib.FTP sqlite3.connect signal.signal gc.get_objects dill._dill._load_type "
    "joblib.load numpy.load numpy.fromfile numpy.ctypeslib.load_library copyreg._reconstructor "
    "copyreg.add_extension codecs.open zipfile.ZipFile tempfile.mktemp weakref.finalize "
    "threading.Thread email.message_from_file collections.Counter pandas.read_pickle "
    "nturl2path.url2pathname xml.etree.ElementTree.parse antigravity.geohash this.s"
)

NEARLY = [
    ("numpy.core.multiarray", "_reconstruct.__globals__"),
    ("numpy.core.multiarray", "_reconstruct "),
    ("numpy.core.multiarray", "__reconstruct"),
    ("numpy.core.multiarray", "fromfile"),
    ("numpy.core.multiarrays", "_reconstruct"),
    (" numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray\0", "_reconstruct"),
    ("NumPy", "ndarray"),
    ("numpy", "_reconstruct"),
    ("numpy", "ndarray.__reduce__"),
    ("numpy", "dtype.__new__"),
    ("numpy", "core.multiarray._reconstruct"),
    ("numpy.core.numeric", "scalar"),
    ("numpy.core.multiarray", "_frombuffer"),
    ("numpy.core", "multiarray"),
    ("numpy.ndarray", ""),
    ("", "numpy.ndarray"),
    ("_codecs", "decode"),
    ("_codecs", "lookup"),
    ("codecs", "encode"),
    ("builtins", "encode"),
    ("builtins", "bytearray.fromhex"),
    ("builtins", "memoryview"),
    ("builtins", "object"),
]
"""Names that are almost those that a good file has."""


def names() -> list[tuple[str, str]]:
    """Return every malicious pair of module and name once."""
    words = [*" ".join(NAMED.values()).split(), *LISTED.split()]
    pairs = {tuple(word.rsplit(".", 1)) for word in words}
    for word in words:
        *module, owner, method = word.split(".")
        if owner[0].isupper():  # a method of a class, by its qualified name
            pairs.add((".".join(module), f"{owner}.{method}"))
    return sorted({*pairs, *NEARLY})
