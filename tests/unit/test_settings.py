from __future__ import annotations

from flowtui.settings import default_state_dir


def test_each_name_of_a_folder_leads_to_the_same_state_directory(tmp_path, monkeypatch):
    (tmp_path / "flows").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "flows")
    monkeypatch.chdir(tmp_path / "flows")
    names = [tmp_path / "flows", tmp_path / "link", tmp_path / "flows" / ".." / "flows", type(tmp_path)(".")]
    assert len({default_state_dir(name) for name in names}) == 1


def test_folders_of_one_name_have_different_state_directories(tmp_path):
    assert default_state_dir(tmp_path / "a" / "flows") != default_state_dir(tmp_path / "b" / "flows")
